"""People and learning activity: the institution's lists, who is who, then who did what when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param, TaskGroup, TriggerRule

from learning_warehouse.activity.operators import RefreshActivityOperator
from learning_warehouse.dag_files import DEFAULT_ARGS
from learning_warehouse.params import params, refuse_wrong_params
from learning_warehouse.people.lists import REGISTRY
from learning_warehouse.people.operators import LandListsOperator, MatchPeopleOperator
from learning_warehouse.people.pseudonyms import PURPOSE, SMALLEST_CELL, PseudonymsOperator
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.steps.summary import SummaryOperator
from learning_warehouse.timetable import UTCDays

DATASETS = [lists.dataset.name for lists in REGISTRY]

DOC = """
### Learning activity

Finds out which accounts of Vocareum, Echo360 and edX are the same person, and what each account did
in each course on each day: videos, problems, sessions, labs.

* **Schedule**: 10:00 UTC, after the sources.
* **Lists**: loads the institution's lists, CSV files that you put into the landing zone: people
  below `roster/`, courses below `courses/`. Any column may be empty. Columns: the comments of
  `people.roster` and `people.course`. Open edX's export of `auth_user` is a roster as it is. To
  change a list, overwrite its file.
* **`people`**: enters the accounts of all days that changed since the last run, whichever DAG
  changed them, then matches accounts: by the roster, then by e-mail address, where it is that of
  one account of each source at most. `people.link` says who was matched, and by what;
  `people.conflict` says what was ambiguous and not used. An account that matches nobody is a
  person of its own.
* **Courses**: `people.course_proposal` lists courses of two sources that may be one. A person
  confirms a proposal by adding a row with both ids to the list of courses.
* **`activity`**: computes the tables of the schema `activity` again for the days that changed, and
  for the days before and after that they affect. Rows that came late or were taken back count too;
  where they are of a few users of edX, their days are computed for these users alone.
* **Staff**: the views `activity.person_…` leave staff out. Their role is that of the roster, or
  else that of Echo360's rows or of Vocareum's enrollment.
* **`pseudonyms`**: gives new people a random pseudonym for each purpose of research, for the views
  of the schema `research`. `open_purpose` and `discard_purpose` make a purpose and end it.
* **Again**: `rebuild` computes all days again. `reload` loads the lists again: the newest version,
  or the one that was current at the end of `last_day`.
* **Connections**: `landing_zone`, `learning_warehouse`.
* **When it fails**: the last line of the task's log says what to do; then clear the task.
"""


def learning_activity() -> DAG:
    """The DAG: for each kind of list land → load, then the people."""
    with DAG(
        "learning_activity",
        description="Finds out who is who in all three sources, and who did what when",
        doc_md=DOC,
        schedule=UTCDays(start_after=timedelta(hours=10)),
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        tags=["learning warehouse"],
        default_args=DEFAULT_ARGS,
    ) as dag:
        loads = []
        people = MatchPeopleOperator(task_id="people", trigger_rule=TriggerRule.ALL_DONE)
        for lists in REGISTRY:
            with TaskGroup(lists.dataset.name):
                land = LandListsOperator(
                    task_id="land", lists=lists, pre_execute=refuse_wrong_params
                )
                load = LoadOperator(task_id="load", dataset=lists.dataset, deliveries=land.output)
                loads.append(load.output)
                load >> people
        summarise = SummaryOperator(task_id="summarise", loads=loads, schemas=["people"])
        activity = RefreshActivityOperator(task_id="activity")
        pseudonyms = PseudonymsOperator(task_id="pseudonyms")
        people >> [activity, pseudonyms] >> summarise
    # Last, for each operator would copy those that the DAG has when it is made.
    dag.params.update(
        {
            **params(),
            "datasets": Param(
                DATASETS,
                type="array",
                items={"type": "string", "enum": DATASETS},
                examples=DATASETS,
                minItems=1,
                description="The lists to load.",
            ),
            "rebuild": Param(
                False,
                type="boolean",
                description="Compute all days of the tables of activity again.",
            ),
            "open_purpose": Param(
                None,
                type=["null", "string"],
                pattern=PURPOSE,
                description="Give people pseudonyms for this purpose of research, from now on in "
                "each run. It has the name of the role that may see them.",
            ),
            "smallest_cell": Param(
                SMALLEST_CELL,
                type="integer",
                minimum=2,
                description="With open_purpose: of fewer people than this nothing is summed up.",
            ),
            "discard_purpose": Param(
                None,
                type=["null", "string"],
                pattern=PURPOSE,
                description="Throw away who the pseudonyms of this purpose are. It cannot be taken "
                "back.",
            ),
        }
    )
    return dag


DAGS = [learning_activity()]
