COPY {rejected} (_row, line, raw, reason) FROM STDIN (ENCODING 'UTF8');
