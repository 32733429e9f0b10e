COPY {staging} ({columns}) FROM STDIN (
    FORMAT csv,
    DELIMITER {delimiter},
    NULL '',
    FORCE_NULL ({columns}),
    ENCODING 'UTF8',
    FREEZE {freeze}
);
