-- section: copy
COPY {rows} ({columns}) FROM STDIN (
    FORMAT csv,
    DELIMITER {delimiter},
    NULL '',
    FORCE_NULL ({columns}),
    ENCODING 'UTF8'
);
