(func $run (result i32)
  (call $emit-bytes (i32.const 65536) (i32.const 100000000))
  (i32.const 0))
