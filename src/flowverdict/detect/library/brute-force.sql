-- Attempts at a service that carried no more than a failed log-in does, counted in sliding windows:
-- from one source in minutes (fast) or in a day (slow), or from many sources in an hour.
-- An attempt whose packets were not counted may be one; a session that carried more is none.
WITH at_service AS (
    SELECT src, src_port, dst, dst_port, start, is_new, denied, src_inside, packets_sent,
        bytes_sent + bytes_received AS bytes
    FROM attempts
    WHERE protocol = 6 AND list_contains($ports, dst_port) AND NOT special
),
guesses AS (
    SELECT *, NOT denied AND coalesce(packets_sent > 0, false) AS is_short
    FROM at_service WHERE is_new AND (denied OR coalesce(packets_sent, 0) <= $most_packets)
),
counted AS (
    SELECT *, count(*) OVER soon AS soon, count(*) FILTER (is_short) OVER soon AS soon_short,
        min(start) OVER soon AS soon_since,
        count(*) FILTER (NOT denied AND NOT src_inside) OVER long AS long,
        min(start) FILTER (NOT denied) OVER long AS long_since
    FROM guesses
    WINDOW soon AS (PARTITION BY src, dst, dst_port ORDER BY start
            RANGE BETWEEN to_minutes($minutes) PRECEDING AND CURRENT ROW),
        long AS (PARTITION BY src, dst, dst_port ORDER BY start
            RANGE BETWEEN INTERVAL 24 HOUR PRECEDING AND CURRENT ROW)
),
hits AS (
    SELECT src, dst, dst_port, start AS until,
        CASE WHEN soon >= $attempts OR soon_short >= $short_attempts THEN 'fast' ELSE 'slow' END AS speed,
        CASE speed WHEN 'fast' THEN soon_since ELSE long_since END AS since
    FROM counted
    WHERE soon >= $attempts OR soon_short >= $short_attempts OR (long >= $attempts_a_day AND NOT denied)
),
numbered AS (
    SELECT *, sum(CASE WHEN since <= before + INTERVAL 1 HOUR THEN 0 ELSE 1 END)
        OVER (PARTITION BY src, dst, dst_port ORDER BY until, since) AS episode
    FROM (SELECT *, lag(until) OVER (PARTITION BY src, dst, dst_port ORDER BY until, since) AS before FROM hits)
),
from_one AS (
    SELECT src, dst, dst_port, min(since) AS first, max(until) AS last,
        CASE WHEN bool_or(speed = 'fast') THEN 'fast' ELSE 'slow' END AS speed
    FROM numbered GROUP BY src, dst, dst_port, episode
),
-- many sources: each hour against the median hour of the same service, quiet hours counted as nothing
hourly AS (
    SELECT dst, dst_port, time_bucket(INTERVAL 1 HOUR, start) AS hour, count(*) AS attempts,
        count(*) FILTER (NOT denied) AS allowed, count(DISTINCT src) AS many, min(start) AS first,
        max(start) AS last
    FROM guesses WHERE NOT src_inside GROUP BY ALL
),
hours AS (SELECT count(DISTINCT time_bucket(INTERVAL 1 HOUR, start)) AS count FROM attempts),
usual AS (
    SELECT dst, dst_port,
        CASE WHEN count(*) * 2 <= any_value(hours.count) THEN 0 ELSE median(attempts) END AS attempts
    FROM hourly, hours GROUP BY ALL
),
crowded AS (
    SELECT hourly.* FROM hourly JOIN usual USING (dst, dst_port)
    WHERE many >= $crowd AND (allowed >= $crowd_attempts OR hourly.attempts >= $crowd_denied)
        AND hourly.attempts > $times_usual * usual.attempts
),
from_many AS (
    SELECT dst, dst_port, min(first) AS first, max(last) AS last
    FROM (
        SELECT *, sum(CASE WHEN hour <= before + INTERVAL 2 HOUR THEN 0 ELSE 1 END)
            OVER (PARTITION BY dst, dst_port ORDER BY hour) AS episode
        FROM (SELECT *, lag(hour) OVER (PARTITION BY dst, dst_port ORDER BY hour) AS before FROM crowded)
    ) GROUP BY dst, dst_port, episode
),
found AS (
    SELECT [src] AS sources, dst, dst_port, first, last, speed FROM from_one
    UNION ALL
    SELECT array_agg(DISTINCT src), dst, dst_port, any_value(m.first), any_value(m.last), 'distributed'
    FROM from_many AS m JOIN guesses USING (dst, dst_port)
    WHERE start BETWEEN m.first AND m.last AND NOT src_inside
    GROUP BY dst, dst_port, m.first
),
each AS (SELECT row_number() OVER (ORDER BY dst, dst_port, first, sources) AS number, * FROM found),
told AS (
    SELECT number, count(*) AS attempts, count(*) FILTER (NOT denied) AS allowed,
        count(*) FILTER (denied) AS denied, sum(bytes) AS bytes
    FROM (SELECT number, unnest(sources) AS src, dst, dst_port, first, last FROM each) AS e
    JOIN guesses AS g USING (src, dst, dst_port)
    WHERE g.start BETWEEN e.first AND e.last GROUP BY number
),
-- what carried more than a failed log-in, from the first attempt to an hour behind the last
entered AS (
    SELECT number, count(DISTINCT (src, src_port)) AS sessions, min(a.start) AS session
    FROM (SELECT number, unnest(sources) AS src, dst, dst_port, first, last FROM each) AS e
    JOIN at_service AS a USING (src, dst, dst_port)
    WHERE NOT a.denied AND a.packets_sent > $most_packets
        AND a.start BETWEEN e.first AND e.last + INTERVAL 1 HOUR
    GROUP BY number
)
SELECT sources, [dst] AS targets, [dst_port] AS ports, 6 AS protocol, first, last,
    CASE WHEN allowed = 0 THEN 'denied' WHEN denied = 0 THEN 'allowed' ELSE 'both' END AS outcome,
    CASE WHEN allowed = 0 THEN 'low' WHEN coalesce(sessions, 0) > 0 THEN 'critical' ELSE 'high' END AS severity,
    speed, attempts, allowed, denied, bytes, coalesce(sessions, 0) AS sessions_after, session AS first_session
FROM each JOIN told USING (number) LEFT JOIN entered USING (number)
-- where people work, from one address too, most attempts become sessions
WHERE speed <> 'slow' OR 5 * coalesce(sessions, 0) <= attempts
