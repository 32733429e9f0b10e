"""edX tracking logs: tars of log files on S3, a JSON object a line, into ``edx.event``."""
