(memory (export "memory") {pages})
    (global $next (mut i32) (i32.const 32768))
    ;; Takes from the end of what was taken, and never gives back.
    (func $take (export "arguments") (export "results")
        (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (local.get $at))
