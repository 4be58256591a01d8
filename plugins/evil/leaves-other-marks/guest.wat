{tables}
{memories}
(elem declare func $run)
(func $run (result i32)
  {look-at-memories}
  {look-at-tables}
  (i32.const 0))
{memory-functions}
{table-functions}
