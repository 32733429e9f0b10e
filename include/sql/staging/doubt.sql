ALTER TABLE {staging} ADD CONSTRAINT nothing_doubtful CHECK (
    {nothing_doubtful}
);
