"""What the project promises of its speed and its memory, measured on the machine at hand.

``make bench`` runs what lies here. Everything is made on the spot from a seed and measured against
something that runs beside it in the same minutes, so that a slow machine slows both. The figures
are printed, and written to ``benchmarks/results/``.
"""
