-- section: may
-- Which events may name people besides the one that they are of: what staff does with learners,
-- discussions, teams, settings, grades, what is not known, and requests whose URL says so. Parts of a
-- path are compared, because to search all of it takes ten times as long.
(
    event_kind IS NULL
    OR (
        event_kind <> 'implicit'
        AND event_kind
        ~ '(enrollment|forum|team|user|grade|cohort|exam|certificate|instructor|rescore|assess|completion)'
    )
    OR (
        event_kind = 'implicit'
        AND (
            split_part(event_type, '/', 2) IN (
                'u', 'user', 'users', 'user_dashboard', 'user_api', 'account', 'accounts', 'login',
                'login_ajax', 'login_post', 'register', 'create_account', 'password_reset', 'support',
                'change_email', 'change_name', 'change_enrollment', 'admin'
            )
            OR split_part(event_type, '/', 3) IN ('user', 'users', 'enrollment', 'discussion', 'team')
            OR split_part(event_type, '/', 4) IN ('instructor', 'discussion', 'progress', 'teams', 'gradebook')
            OR split_part(event_type, '/', 6) IN ('instructor', 'discussion', 'progress', 'teams', 'gradebook')
        )
    )
    OR split_part(page, '/', 4) IN ('u', 'user_dashboard', 'users', 'account')
    OR split_part(referer, '/', 4) IN ('u', 'user_dashboard', 'users', 'account')
    OR strpos(referer, 'username=') > 0
    OR strpos(referer, 'email=') > 0
)
