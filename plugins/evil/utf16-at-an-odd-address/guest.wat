(data (i32.const 1025) "k\00e\00y\00")
(func $run (result i32)
  (call $seen (i32.const 1025) (i32.const 3) (i32.const 256))
  (i32.const 0))
