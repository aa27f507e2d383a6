-- name: trail_cost
-- title: What a trail costs
-- description: Events by kind with the price of a paid copy of them, at the prices given in dollars per 100,000 events.
--   The first copy of management events in each region is free of charge; AWS's price list has the last word.
-- severity: info
-- tags: cost
-- param: management double = 2.00 in 0..1000 -- Dollars per 100,000 management events of a second copy
-- param: data double = 0.10 in 0..1000 -- Dollars per 100,000 data events
-- param: network double = 0.10 in 0..1000 -- Dollars per 100,000 network activity events
-- columns: eventcategory text, events bigint, dollars double
-- chart: bar eventcategory dollars

SELECT eventcategory, count(*) AS events,
       round(CAST(count(*) AS double) / 100000
             * CASE eventcategory WHEN 'Management' THEN CAST($management AS double)
                                  WHEN 'Data' THEN CAST($data AS double)
                                  ELSE CAST($network AS double) END, 4) AS dollars
FROM cloudtrail_logs
WHERE eventcategory IN ('Management', 'Data', 'NetworkActivity')
GROUP BY eventcategory
ORDER BY events DESC, eventcategory;
