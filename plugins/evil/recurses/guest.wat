(func $run (result i32) (call $deeper (i32.const 0)))
(func $deeper (param $depth i32) (result i32)
  ;; Not a tail call: something is left to do after it.
  (i32.add (call $deeper (i32.add (local.get $depth) (i32.const 1))) (local.get $depth)))
