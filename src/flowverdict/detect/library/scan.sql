-- One source at many ports of one machine, or at one port of many machines: in minutes or in a day.
-- `across` says which of the two. What failed counts, and of TCP what was answered too.
WITH probes AS (
    SELECT src, CASE $across WHEN 'ports' THEN dst ELSE dst_port END AS key,
        CASE $across WHEN 'ports' THEN dst_port ELSE dst END AS probed, protocol, start, failed, denied, src_inside
    FROM attempts
    WHERE is_new AND NOT special AND dst_port IS NOT NULL
        AND (protocol = 6 OR failed) AND NOT ($across = 'hosts' AND list_contains($served, dst_port) AND NOT failed)
),
wide AS (
    SELECT src, key FROM probes GROUP BY src, key
    HAVING count(DISTINCT probed) FILTER (failed) >= least($failed_soon, $failed_a_day)
        OR count(DISTINCT probed) >= $any_soon
),
-- a window lies in two neighbouring spans of its length: only those that could hold enough are looked at
spans AS (
    SELECT src, key, (epoch_ms(start) // ($minutes * 60000)) AS span,
        count(DISTINCT probed) AS every, count(DISTINCT probed) FILTER (failed) AS failures
    FROM probes SEMI JOIN wide USING (src, key) GROUP BY ALL
),
dense AS (
    SELECT src, key, span FROM (
        SELECT *, CASE WHEN lag(span) OVER next = span - 1 THEN lag(every) OVER next ELSE 0 END AS every_before,
            CASE WHEN lead(span) OVER next = span + 1 THEN lead(every) OVER next ELSE 0 END AS every_behind,
            CASE WHEN lag(span) OVER next = span - 1 THEN lag(failures) OVER next ELSE 0 END AS failures_before,
            CASE WHEN lead(span) OVER next = span + 1 THEN lead(failures) OVER next ELSE 0 END AS failures_behind
        FROM spans WINDOW next AS (PARTITION BY src, key ORDER BY span)
    )
    WHERE failures + greatest(failures_before, failures_behind) >= $failed_soon
        OR every + greatest(every_before, every_behind) >= $any_soon
),
-- a window begins every fifth of its length
soon AS (
    SELECT src, key, slot, count(DISTINCT probed) AS every, count(DISTINCT probed) FILTER (failed) AS failures,
        min(start) AS first, max(start) AS last
    FROM (
        SELECT *, unnest(range(bucket - 4, bucket + 1)) AS slot
        FROM (
            SELECT probes.*, (epoch_ms(start) // ($minutes * 12000)) AS bucket
            FROM probes SEMI JOIN dense ON dense.src = probes.src AND dense.key = probes.key
                AND dense.span = (epoch_ms(probes.start) // ($minutes * 60000))
        )
    ) GROUP BY ALL
    HAVING failures >= $failed_soon OR every >= $any_soon
),
daily AS (
    SELECT src, key, count(DISTINCT probed) FILTER (failed) AS failures, min(start) AS first, max(start) AS last
    FROM (
        SELECT *, unnest([half, half - 1]) AS slot
        FROM (
            SELECT probes.*, (epoch_ms(start) // 43200000) AS half FROM probes SEMI JOIN wide USING (src, key)
            WHERE failed
        )
    ) GROUP BY src, key, slot HAVING failures >= $failed_a_day
),
hits AS (
    SELECT src, key, first, last, 'fast' AS speed FROM soon
    UNION ALL SELECT src, key, first, last, 'slow' FROM daily
),
numbered AS (
    SELECT *, sum(CASE WHEN first <= before + INTERVAL 1 HOUR THEN 0 ELSE 1 END)
        OVER (PARTITION BY src, key ORDER BY first, last, speed) AS episode
    FROM (
        SELECT *, max(last) OVER (PARTITION BY src, key ORDER BY first, last, speed
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM hits
    )
),
scans AS (
    SELECT src, key, min(first) AS first, max(last) AS last,
        CASE WHEN bool_or(speed = 'fast') THEN 'fast' ELSE 'slow' END AS speed
    FROM numbered GROUP BY src, key, episode
),
told AS (
    SELECT src, key, s.first, s.last, speed, array_agg(DISTINCT probed) AS probed,
        array_agg(DISTINCT probed) FILTER (NOT failed) AS answered, array_agg(DISTINCT protocol) AS protocols,
        count(*) AS attempts, count(*) FILTER (denied) AS denied, any_value(src_inside) AS src_inside
    FROM scans AS s JOIN probes AS p USING (src, key)
    WHERE p.start BETWEEN s.first AND s.last GROUP BY ALL
),
-- many sources share the ports of one machine among themselves: each hour against its median hour
hourly AS (
    SELECT key, time_bucket(INTERVAL 1 HOUR, start) AS hour, count(DISTINCT probed) AS many,
        array_agg(DISTINCT src) AS sources, array_agg(DISTINCT probed) AS probed,
        array_agg(DISTINCT protocol) AS protocols, min(start) AS first, max(start) AS last,
        count(*) AS attempts, count(*) FILTER (denied) AS denied
    FROM probes WHERE failed AND NOT src_inside AND $across = 'ports' GROUP BY key, hour
),
crowded AS (
    SELECT * FROM hourly JOIN (SELECT key, median(many) AS usual FROM hourly GROUP BY key) USING (key)
    WHERE many >= $crowd_ports AND many >= 3 * least(usual, $crowd_ports / 3) AND len(sources) >= 10
        AND NOT EXISTS (SELECT 1 FROM scans AS s WHERE s.key = hourly.key AND s.first <= hourly.last
            AND s.last >= hourly.first)
)
SELECT [src] AS sources, CASE WHEN $across = 'ports' THEN [key]
        WHEN src_inside OR denied < attempts THEN probed ELSE list_sort(probed)[:100] END AS targets,
    CASE $across WHEN 'ports' THEN probed ELSE [key] END AS ports,
    CASE WHEN len(protocols) = 1 THEN protocols[1] END AS protocol, first, last,
    CASE WHEN denied = attempts THEN 'denied' WHEN denied = 0 THEN 'allowed' ELSE 'both' END AS outcome,
    CASE WHEN src_inside THEN 'high' WHEN denied < attempts THEN 'medium'
        WHEN $across = 'ports' THEN 'low' ELSE 'informational' END AS severity,
    speed, attempts, denied, len(probed) AS probed, coalesce(len(answered), 0) AS answered,
    CASE $across WHEN 'ports' THEN list_sort(answered)[:100] END AS open_ports
FROM told
UNION ALL
SELECT sources, [key], probed, CASE WHEN len(protocols) = 1 THEN protocols[1] END, first, last,
    CASE WHEN denied = attempts THEN 'denied' WHEN denied = 0 THEN 'allowed' ELSE 'both' END, 'low',
    'distributed', attempts, denied, len(probed), 0, NULL
FROM crowded
