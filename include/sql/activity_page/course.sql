-- Which rows of activity.person_course_day are a course's; for the place {course} of other statements.

-- section: listed
listed_course = %(course)s

-- section: own
source = %(source)s AND _origin = %(origin)s AND source_course = %(course)s AND listed_course IS NULL
