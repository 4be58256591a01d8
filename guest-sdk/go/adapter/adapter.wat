;; What a Go program imports (WASI preview 1), made of what a component may import (WASI 0.2).
;;
;; While the host calls `cabi_realloc`, a component may not call the host: it would trap. But Go may collect garbage
;; whenever it allocates, and a collection reads the clock. So the program says when the host may be called, in a word
;; of its memory that `oncegate_may_call` names: 0 is never, any other number is the invocation that is under way. While
;; it may not be called, time stands still unless somebody sleeps, random numbers are made here, and what is written is
;; lost. Before the program has named the word, the host may be called: that is its start.
;;
;; The adapter has no memory of its own. It uses the program's first page, of which Go uses nothing below 4096:
;;   64  where the host puts an answer
;;  128  the wall clock, and 144 the monotonic one: the last time known, i64; how often the host was asked in this
;;       invocation, i32; how often the program asked since then, i32
;;  160  a number that the host drew
(module
  (import "env" "memory" (memory 0))
  (import "wasi:cli/exit@0.2.0" "exit-with-code" (func $exit (param i32)))
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $get-stdout (result i32)))
  (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $get-stderr (result i32)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $monotonic (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
  (import "wasi:clocks/wall-clock@0.2.0" "now" (func $wall (param i32)))
  (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop (param i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))

  ;; Where the program keeps the word that says whether the host may be called; 0 before it said so.
  (global $word (mut i32) (i32.const 0))
  ;; The invocation that was under way at the last question.
  (global $invocation (mut i32) (i32.const 0))
  ;; The streams, once they were asked for.
  (global $stdout (mut i32) (i32.const 0))
  (global $stderr (mut i32) (i32.const 0))
  ;; What random numbers are made of while the host cannot give any, and whether it was begun with one of the host's.
  (global $state (mut i64) (i64.const 0))
  (global $begun (mut i32) (i32.const 0))
  ;; How far the runtime is in writing where it crashed: 0 is not at all, then the number of the line, and 4 for the rest.
  (global $trace (mut i32) (i32.const 0))
  ;; Where the host is to put the random numbers that it is giving.
  (global $into (mut i32) (i32.const 0))

  (func (export "cabi_import_realloc") (param i32 i32 i32 i32) (result i32) (global.get $into))

  (func (export "oncegate_may_call") (param $word i32) (global.set $word (local.get $word)))

  ;; Whether the host may be called.
  (func $may (result i32)
    (local $invocation i32)
    (if (i32.eqz (global.get $word)) (then (return (i32.const 1))))
    (local.set $invocation (i32.load (global.get $word)))
    (if (i32.eqz (local.get $invocation)) (then (return (i32.const 0))))
    (if (i32.ne (local.get $invocation) (global.get $invocation))
      (then
        (global.set $invocation (local.get $invocation))
        (global.set $trace (i32.const 0))
        (i64.store (i32.const 136) (i64.const 0))
        (i64.store (i32.const 152) (i64.const 0))))
    (i32.const 1))

  ;; Whether the host is to be asked for this clock now. The calls of an invocation are limited, and Go reads the clock
  ;; on its own account, too: beyond 1024 times only every second question reaches the host, and with each further 256
  ;; times half as many.
  (func $ask (param $clock i32) (result i32)
    (local $asked i32) (local $since i32)
    (if (i32.eqz (call $may)) (then (return (i32.const 0))))
    (local.set $asked (i32.load offset=8 (local.get $clock)))
    (local.set $since (i32.add (i32.load offset=12 (local.get $clock)) (i32.const 1)))
    (if (i32.ge_u (local.get $asked) (i32.const 1024))
      (then
        (if (i32.lt_u (local.get $since)
              (i32.shl (i32.const 1) (i32.sub (i32.shr_u (local.get $asked) (i32.const 8)) (i32.const 3))))
          (then
            (i32.store offset=12 (local.get $clock) (local.get $since))
            (return (i32.const 0))))))
    (i32.store offset=8 (local.get $clock) (i32.add (local.get $asked) (i32.const 1)))
    (i32.store offset=12 (local.get $clock) (i32.const 0))
    (i32.const 1))

  (func (export "clock_time_get") (param $id i32) (param $precision i64) (param $time i32) (result i32)
    (local $clock i32) (local $now i64)
    (local.set $clock (select (i32.const 144) (i32.const 128) (local.get $id)))
    (local.set $now (i64.load (local.get $clock)))
    (if (call $ask (local.get $clock))
      (then
        (if (local.get $id)
          (then
            ;; Whoever slept while the host could not be told is not taken back.
            (local.set $now (call $later (local.get $now) (call $monotonic))))
          (else
            (call $wall (i32.const 64))
            (local.set $now
              (i64.add
                (i64.mul (i64.load (i32.const 64)) (i64.const 1000000000))
                (i64.load32_u (i32.const 72))))))))
    (i64.store (local.get $clock) (local.get $now))
    (i64.store (local.get $time) (local.get $now))
    (i32.const 0))
  (func $later (param $a i64) (param $b i64) (result i64)
    (select (local.get $a) (local.get $b) (i64.gt_u (local.get $a) (local.get $b))))
  (func (export "clock_res_get") (param $id i32) (param $resolution i32) (result i32)
    (i64.store (local.get $resolution) (i64.const 1000000))
    (i32.const 0))

  ;; A subscription has 48 bytes: what the event is to repeat, the kind at 8 (0: a time), a clock at 16, a time at 24,
  ;; whether it is absolute at 40. An event has 32: what it repeats, an error at 8, the kind at 10. Nothing is open that
  ;; could be waited for, so whoever waits for anything but a time is told so at once, and else the shortest time passes.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $events i32) (result i32)
    (local $rest i32) (local $at i32) (local $first i32) (local $time i64) (local $shortest i64)
    (i32.store (local.get $events) (i32.const 0))
    (if (i32.eqz (local.get $count)) (then (return (i32.const 28))))
    (local.set $at (local.get $in))
    (local.set $rest (local.get $count))
    (loop $next
      (if (i32.load8_u offset=8 (local.get $at))
        (then
          (call $happened (local.get $at) (local.get $out) (local.get $events) (i32.const 8)))
        (else
          (local.set $time (call $wait (local.get $at)))
          (if (i32.or (i32.eqz (local.get $first)) (i64.lt_u (local.get $time) (local.get $shortest)))
            (then
              (local.set $first (local.get $at))
              (local.set $shortest (local.get $time))))))
      (local.set $at (i32.add (local.get $at) (i32.const 48)))
      (local.set $rest (i32.sub (local.get $rest) (i32.const 1)))
      (br_if $next (local.get $rest)))
    (if (i32.load (local.get $events)) (then (return (i32.const 0))))
    (call $sleep (local.get $shortest))
    (call $happened (local.get $first) (local.get $out) (local.get $events) (i32.const 0))
    (i32.const 0))
  ;; For how long a subscription waits.
  (func $wait (param $subscription i32) (result i64)
    (local $time i64) (local $now i64)
    (local.set $time (i64.load offset=24 (local.get $subscription)))
    (if (i32.eqz (i32.load16_u offset=40 (local.get $subscription))) (then (return (local.get $time))))
    (local.set $now
      (i64.load (select (i32.const 144) (i32.const 128) (i32.load offset=16 (local.get $subscription)))))
    (i64.sub (call $later (local.get $time) (local.get $now)) (local.get $now)))
  (func $happened (param $subscription i32) (param $out i32) (param $events i32) (param $error i32)
    (local $number i32)
    (local.set $number (i32.load (local.get $events)))
    (local.set $out (i32.add (local.get $out) (i32.mul (local.get $number) (i32.const 32))))
    (memory.fill (local.get $out) (i32.const 0) (i32.const 32))
    (i64.store (local.get $out) (i64.load (local.get $subscription)))
    (i32.store16 offset=8 (local.get $out) (local.get $error))
    (i32.store8 offset=10 (local.get $out) (i32.load8_u offset=8 (local.get $subscription)))
    (i32.store (local.get $events) (i32.add (local.get $number) (i32.const 1))))
  (func $sleep (param $time i64)
    (local $pollable i32)
    (if (i64.eqz (local.get $time)) (then (return)))
    (if (call $may)
      (then
        (local.set $pollable (call $subscribe (local.get $time)))
        (call $block (local.get $pollable))
        (call $drop (local.get $pollable))
        ;; The next question is for the host, however many there were.
        (i32.store (i32.const 140) (i32.const 0x7ffffffe))
        (i32.store (i32.const 156) (i32.const 0x7ffffffe)))
      (else
        (i64.store (i32.const 128) (i64.add (i64.load (i32.const 128)) (local.get $time)))
        (i64.store (i32.const 144) (i64.add (i64.load (i32.const 144)) (local.get $time))))))
  (func (export "sched_yield") (result i32) (i32.const 0))

  (func (export "random_get") (param $at i32) (param $length i32) (result i32)
    (if (i32.eqz (local.get $length)) (then (return (i32.const 0))))
    (if (i32.eqz (call $may))
      (then
        (call $make (local.get $at) (local.get $length))
        (return (i32.const 0))))
    (if (i32.eqz (global.get $begun))
      (then
        (call $take (i32.const 160) (i32.const 8))
        (global.set $state (i64.load (i32.const 160)))
        (global.set $begun (i32.const 1))))
    (call $take (local.get $at) (local.get $length))
    (i32.const 0))
  (func $take (param $at i32) (param $length i32)
    (global.set $into (local.get $at))
    (call $random (i64.extend_i32_u (local.get $length)) (i32.const 64)))
  ;; SplitMix64, a byte of each number.
  (func $make (param $at i32) (param $length i32)
    (local $number i64)
    (loop $next
      (global.set $state (i64.add (global.get $state) (i64.const 0x9e3779b97f4a7c15)))
      (local.set $number (global.get $state))
      (local.set $number
        (i64.mul (i64.xor (local.get $number) (i64.shr_u (local.get $number) (i64.const 30)))
          (i64.const 0xbf58476d1ce4e5b9)))
      (local.set $number
        (i64.mul (i64.xor (local.get $number) (i64.shr_u (local.get $number) (i64.const 27)))
          (i64.const 0x94d049bb133111eb)))
      (i64.store8 (local.get $at) (i64.shr_u (local.get $number) (i64.const 56)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br_if $next (local.get $length))))

  ;; Standard output and error, and nothing else.
  (func (export "fd_write") (param $fd i32) (param $pieces i32) (param $count i32) (param $written i32) (result i32)
    (local $total i32)
    (i32.store (local.get $written) (i32.const 0))
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1)) (then (return (i32.const 8))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (if (call $may)
          (then
            (call $tell (local.get $fd) (i32.load (local.get $pieces)) (i32.load offset=4 (local.get $pieces)))))
        (local.set $total (i32.add (local.get $total) (i32.load offset=4 (local.get $pieces))))
        (local.set $pieces (i32.add (local.get $pieces) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $written) (local.get $total))
    (i32.const 0))
  ;; A crash ends with the calls of all goroutines, and the last lines of the log are what is shown with a trap. So that
  ;; its text is among them, only the innermost call is written, which is two lines behind a heading.
  (func $tell (param $fd i32) (param $at i32) (param $length i32)
    (local $piece i32)
    (if (i32.and (i32.eq (local.get $fd) (i32.const 2)) (i32.eqz (global.get $trace)))
      (then (global.set $trace (call $heading (local.get $at) (local.get $length)))))
    (if (i32.or (i32.ne (local.get $fd) (i32.const 2)) (i32.eqz (global.get $trace)))
      (then (return (call $print (local.get $fd) (local.get $at) (local.get $length)))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $length)))
        (local.set $piece (call $line (local.get $at) (local.get $length)))
        (if (i32.lt_u (i32.sub (global.get $trace) (i32.const 2)) (i32.const 2))
          (then (call $print (local.get $fd) (local.get $at) (local.get $piece))))
        (local.set $at (i32.add (local.get $at) (local.get $piece)))
        (local.set $length (i32.sub (local.get $length) (local.get $piece)))
        (if (i32.eq (i32.load8_u (i32.sub (local.get $at) (i32.const 1))) (i32.const 10))
          (then
            (global.set $trace
              (select (i32.const 4) (i32.add (global.get $trace) (i32.const 1))
                (i32.ge_u (global.get $trace) (i32.const 4))))))
        (br $next))))
  ;; Whether this is the first word of the heading, with the space behind it. The runtime writes it by itself; who else
  ;; prints calls does it in one piece.
  (func $heading (param $at i32) (param $length i32) (result i32)
    (if (i32.ne (local.get $length) (i32.const 10)) (then (return (i32.const 0))))
    ;; "goroutin"
    (i64.eq (i64.load (local.get $at)) (i64.const 0x6e6974756f726f67)))
  ;; The length of what is left of the line, with its end if that is there.
  (func $line (param $at i32) (param $length i32) (result i32)
    (local $piece i32)
    (loop $next
      (local.set $piece (i32.add (local.get $piece) (i32.const 1)))
      (if (i32.lt_u (local.get $piece) (local.get $length))
        (then
          (br_if $next
            (i32.ne
              (i32.load8_u (i32.sub (i32.add (local.get $at) (local.get $piece)) (i32.const 1)))
              (i32.const 10))))))
    (local.get $piece))
  ;; In pieces of at most 4096 bytes: no more is allowed in one call. Whether it worked is not looked at, since there is
  ;; nowhere else to say it.
  (func $print (param $fd i32) (param $at i32) (param $length i32)
    (local $piece i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $length)))
        (local.set $piece
          (select (local.get $length) (i32.const 4096) (i32.lt_u (local.get $length) (i32.const 4096))))
        (call $write (call $stream (local.get $fd)) (local.get $at) (local.get $piece) (i32.const 64))
        (local.set $at (i32.add (local.get $at) (local.get $piece)))
        (local.set $length (i32.sub (local.get $length) (local.get $piece)))
        (br $next))))
  (func $stream (param $fd i32) (result i32)
    (if (i32.eq (local.get $fd) (i32.const 2))
      (then
        (if (i32.eqz (global.get $stderr)) (then (global.set $stderr (call $get-stderr))))
        (return (global.get $stderr))))
    (if (i32.eqz (global.get $stdout)) (then (global.set $stdout (call $get-stdout))))
    (global.get $stdout))

  (func (export "proc_exit") (param $code i32)
    (if (call $may) (then (call $exit (local.get $code))))
    unreachable)
  (func (export "proc_raise") (param i32) (result i32) unreachable)

  ;; No arguments, no environment.
  (func $none (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $none))
  (export "environ_sizes_get" (func $none))
  (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))

  ;; The standard streams are terminals, as far as anybody asks; the input is at its end. Nothing is open besides (8),
  ;; nothing can be opened (76), and a terminal has no place (70).
  (func (export "fd_fdstat_get") (param $fd i32) (param $stat i32) (result i32)
    (memory.fill (local.get $stat) (i32.const 0) (i32.const 24))
    (i32.store8 (local.get $stat) (i32.const 2))
    (call $standard (local.get $fd)))
  (func (export "fd_filestat_get") (param $fd i32) (param $stat i32) (result i32)
    (memory.fill (local.get $stat) (i32.const 0) (i32.const 64))
    (i32.store8 offset=16 (local.get $stat) (i32.const 2))
    (call $standard (local.get $fd)))
  (func $standard (param $fd i32) (result i32)
    (select (i32.const 8) (i32.const 0) (i32.gt_u (local.get $fd) (i32.const 2))))
  (func (export "fd_fdstat_set_flags") (param $fd i32) (param i32) (result i32) (call $standard (local.get $fd)))
  (func (export "fd_fdstat_set_rights") (param $fd i32) (param i64 i64) (result i32) (call $standard (local.get $fd)))
  (func (export "fd_sync") (param $fd i32) (result i32) (call $standard (local.get $fd)))
  (func (export "fd_datasync") (param $fd i32) (result i32) (call $standard (local.get $fd)))
  (func (export "fd_close") (param $fd i32) (result i32) (call $standard (local.get $fd)))
  (func (export "fd_read") (param $fd i32) (param i32 i32) (param $read i32) (result i32)
    (i32.store (local.get $read) (i32.const 0))
    (select (i32.const 8) (i32.const 0) (local.get $fd)))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 70))
  (func (export "fd_tell") (param i32 i32) (result i32) (i32.const 70))
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 8))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 76))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 76))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 76))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 8))
)
