ALTER TABLE {target} ATTACH PARTITION {partition} FOR VALUES FROM ({month}) TO ({next_month});
