"""Echo360's thirteen reports: what their document says of each, and their columns in its words.

Where the document lost a column's name in a table ("user email", "Email address of the user"), the
column is ``email``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_ASSET = (
    "video_name", "create_date", "section_number", "owner_name", "mediaid", "scheduled",
    "course_identifier", "organization_name", "department_name", "room_name", "building_name",
    "campus_name", "term_name", "transcribed", "device", "video_duration_in_minutes", "last_view",
    "view_count", "downloads", "view_duration_in_minutes", "public", "private", "live",
    "on_demand", "published_date",
)  # fmt: skip
_PLACE = ("sectionId", "sectionNumber", "courseId", "courseIdentifier", "courseName")
_USER = ("userid", "firstname", "lastname", "email", "role")


@dataclass(frozen=True)
class Report:
    """A report as ``/reports`` lists it, and the header of its file."""

    name: str
    description: str
    note: str
    header: tuple[str, ...]
    is_dated: bool = True

    def listed(self, name: str | None = None) -> dict[str, Any]:
        """Its item in the answer of ``/reports``.

        :param name: another name under which it is offered.
        """
        dates = [
            {"name": parameter, "datatype": "date", "required": True}
            for parameter in ("start", "end")
        ]
        return {
            "name": name or self.name,
            "description": self.description,
            "note": self.note,
            "parameters": dates if self.is_dated else [],
        }


_REPORTS = (
    Report("asset", "Asset report", "Engagement for all video assets", _ASSET, is_dated=False),
    Report(
        "assetbydate",
        "Asset By Date report",
        "Engagement for all video assets within the identified date-range",
        _ASSET,
    ),
    Report(
        "presentation",
        "Presentation slide views",
        "Engagement for presentation slide views",
        (
            "presentationID", "presentationName", *_PLACE, "event_timestamp", *_USER, "slide_count"
        ),
    ),
    Report(
        "videoview",
        "Video Views by User",
        "Each event indicates 30 seconds of watched video",
        ("videoId", "videoName", *_PLACE, "event_timestamp", "duration_Minute", *_USER),
    ),
    Report(
        "liveviews",
        "Live Views",
        "Live stream and live classroom view events",
        (
            "mediaId", "mediaName", "userId", "firstName", "lastName", "userEmail", "userRole",
            "scope", "event", "eventTimestamp",
        ),
    ),
    Report(
        "viewsessions",
        "Media View Sessions",
        "Media view sessions with user associations and player detail",
        (
            "eventTimestamp", "sessionId", "sessionStatus", "mediaId", "mediaName",
            "mediaDuration", "lmsCourseName", "courseId", "courseCode", "courseName", "sectionId",
            "sectionNumber", "lessonId", "lessonName", "userId", "firstName", "lastName",
            "userEmail", "userRole", "intervalsPlayed", "playbackSpeed", "playbackVolume",
            "playbackPosition", "transcriptActive", "ccActive",
        ),
    ),
    Report(
        "viewsessiondetails",
        "Media View Session Details",
        "The beacon events within each view session",
        (
            "eventTimestamp", "sessionId", "mediaId", "mediaName", "userId", "intervalsPlayed",
            "playbackSpeed", "playbackVolume", "playbackPosition", "transcriptActive", "ccActive",
        ),
    ),
    Report(
        "confused",
        "Confusion by User",
        "Presentation slides marked as confusing",
        ("PresentationID", "PresentationName", *_PLACE, "event_timestamp", *_USER),
    ),
    Report(
        "polling",
        "Polling by User",
        "Poll responses in presentations; deprecated",
        (
            "presentation_id", "presentation_name", "sectionId", "sectionNumber", "courseId",
            "courseidentifier", "courseName", "activity_id", "activity_prompt",
            "activity_content", "solution", "event_timestamp", "answer_id", "answer", "isCorrect",
            *_USER,
        ),
    ),
    Report(
        "pollingv2",
        "Polling by User - Version 2",
        "Poll responses in presentation and interactive media",
        (
            "mediaId", "mediaName", "sectionId", "sectionNumber", "courseId", "lmsCourseId",
            "courseIdentifier", "lmsCourseIdentifier", "courseName", "lmsCourseName", "pollId",
            "pollPrompt", "pollContent", "solution", "action", "eventTimestamp", "answerId",
            "answer", "userId", "firstName", "lastName", "email", "role",
        ),
    ),
    Report(
        "qanda",
        "Question and Answer",
        "Course discussions; deprecated",
        (
            "questionid", "question", *_PLACE, "question_userid", "question_firstname",
            "question_lastname", "question_email", "question_role", "answerid", "answer",
            "event_timestamp", "answer_userid", "answer_firstname", "answer_lastname",
            "answer_email", "answer_role",
        ),
    ),
    Report(
        "qanda2",
        "Question and Answer - Version 2",
        "Course discussions",
        (
            "entity", "action", "questionid", "question", *_PLACE, "questionUserId",
            "questionFirstName", "questionLastName", "questionEmail", "questionRole", "answerid",
            "answer", "eventTimestamp", "answerUserId", "answerFirstName", "answerLastName",
            "answerEmail", "answerRole",
        ),
    ),
    Report(
        "notes",
        "Notes by User",
        "Metadata for created or updated notes",
        (
            "PresentationID", "PresentationName", *_PLACE, "content", "note_count",
            "event_timestamp", *_USER,
        ),
    ),
)  # fmt: skip

REPORTS = {report.name: report for report in _REPORTS}
