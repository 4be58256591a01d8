(data (i32.const 1024) "\1b[2J\1b]0;owned\07\e2\80\aecilbup\e2\80\ac\0d\0aoncegate: all is well\c2\9b31m")
(func $run (result i32) (call $fail (i32.const 1) (i32.const 1024) (i32.const 54)))
