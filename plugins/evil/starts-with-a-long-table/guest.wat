(table 1000000 funcref)
(func $run (result i32) (i32.const 0))
