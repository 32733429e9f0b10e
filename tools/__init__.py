"""What is made of this repository: packages for platforms, and the generated pages of ``docs/``."""
