(data (i32.const 1024) "a\00\3d\d8")
(func $run (result i32)
  (call $stage16)
  (call $fail (i32.const 1) (i32.const 1024) (i32.const 2)))
(data (i32.const 1040) "k\00e\00y\00")
(func $stage16
  (call $seen (i32.const 1040) (i32.const 3) (i32.const 256))
  (call $commit (i32.const 1040) (i32.const 3) (i32.const 256)))
