COPY {staging} ({columns}) FROM STDIN (ENCODING 'UTF8');
