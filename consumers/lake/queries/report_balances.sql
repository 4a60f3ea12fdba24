-- report_balances: The closing balances of a day's active accounts, each after its last event of the day, counted by size.
-- `size` is the balance without sign and cents, with every digit but the first replaced by zero (4711.05 has the size
-- 4000), and `sign` is -1, 0 or 1. `median` is the balance of the middle account, or of the lower of the two middle
-- accounts. It is on the row of its size and null on all other rows.
-- parameter: day (date) the day
SELECT
  currency,
  sign,
  size,
  count(*) AS accounts,
  min(balance) AS least,
  max(balance) AS greatest,
  max(CASE WHEN place * 2 >= accounts AND place * 2 <= accounts + 1 THEN balance END) AS median
FROM (
  SELECT
    currency,
    balance,
    CASE WHEN balance < 0 THEN -1 WHEN balance > 0 THEN 1 ELSE 0 END AS sign,
    CAST(substr(digits, 1, 1) || substr('00000000000000000', 1, length(digits) - 1) AS bigint) AS size,
    row_number() OVER (PARTITION BY currency ORDER BY balance, account_id) AS place,
    count(*) OVER (PARTITION BY currency) AS accounts
  FROM (
    SELECT
      account_id,
      currency,
      balance,
      CAST(CAST(floor(abs(balance)) AS bigint) AS varchar) AS digits
    FROM (
      SELECT
        account_id,
        currency,
        balance,
        row_number() OVER (PARTITION BY account_id ORDER BY sequence DESC) AS back
      FROM events
      WHERE dt = ?
    ) AS of_the_day
    WHERE back = 1
  ) AS closing
) AS placed
GROUP BY currency, sign, size
ORDER BY currency, sign, size
