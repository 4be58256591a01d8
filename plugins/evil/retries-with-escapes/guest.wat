(data (i32.const 1024) "\00\01\02\08\0b\7f\e2\80\a8\e2\80\a9\ef\bb\bf\f3\a0\80\81")
(func $run (result i32) (call $fail (i32.const 0) (i32.const 1024) (i32.const 19)))
