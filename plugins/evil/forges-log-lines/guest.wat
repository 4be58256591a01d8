(data (i32.const 1024) "done\0d\0aoncegate: info: pipeline payments: quarantine lifted\0a")
(func $run (result i32)
  (call $log (i32.const 2) (i32.const 1024) (i32.const 59))
  (i32.const 0))
