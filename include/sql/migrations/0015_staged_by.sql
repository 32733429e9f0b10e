-- depends: 0014_undo

ALTER TABLE ops.staged ADD COLUMN task text;

COMMENT ON COLUMN ops.staged.task IS 'The run and its task that staged it, from when it is whole until the task has succeeded: a further try of that task takes it up.';
