(table 1 funcref)
(func $run (result i32) (call_indirect (result i32) (i32.const 0)))
