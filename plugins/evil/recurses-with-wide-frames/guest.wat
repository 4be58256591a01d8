(table $self 1 funcref)
(elem (i32.const 0) func $wide)
(type $wide (func (param i64) (result i64)))
(func $wide (type $wide) (param $n i64) (result i64)
  {params}
  {sets}
  (call_indirect (type $wide) (i64.add (local.get $n) (i64.const 1)) (i32.const 0))
  {adds})
(func $run (result i32) (i32.wrap_i64 (call $wide (i64.const 0))))
