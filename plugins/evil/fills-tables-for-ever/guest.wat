(table $table 20000 funcref)
(func $run (result i32)
  (loop $for-ever
    (table.fill $table (i32.const 0) (ref.func $run) (i32.const 20000))
    (table.copy $table $table (i32.const 1) (i32.const 0) (i32.const 19999))
    (br $for-ever))
  (i32.const 0))
(elem declare func $run)
