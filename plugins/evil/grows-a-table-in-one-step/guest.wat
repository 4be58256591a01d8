(table $table 0 funcref)
(func $run (result i32)
  (drop (table.grow $table (ref.null func) (i32.const -1)))
  unreachable)
