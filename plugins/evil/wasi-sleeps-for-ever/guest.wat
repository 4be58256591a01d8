(func $run (result i32)
  (call $block (call $sleep (i64.const 0x7fffffffffffffff)))
  ;; The second time by a list of pollables, which lies at 1024.
  (i32.store (i32.const 1024) (call $sleep (i64.const -1)))
  (call $poll (i32.const 1024) (i32.const 1) (i32.const 256))
  (call $stage)
  (i32.const 0))
