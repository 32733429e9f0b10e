ANALYZE {target};
