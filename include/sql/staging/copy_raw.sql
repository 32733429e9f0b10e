COPY raw_record FROM STDIN;
