(import "wasi:io/poll@0.2.3" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))
    (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:io/error@0.2.3" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $error))
  (import "wasi:io/streams@0.2.3" (instance $streams
    (alias outer 1 $error (type $error-of))
    (export "error" (type $error (eq $error-of)))
    (export "output-stream" (type $output (sub resource)))
    (type $failure-of (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $failure (eq $failure-of)))
    (export "[method]output-stream.blocking-write-and-flush" (func
      (param "self" (borrow $output)) (param "contents" (list u8)) (result (result (error $failure)))))))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:cli/stderr@0.2.3" (instance $stderr
    (alias outer 1 $output (type $output-of))
    (export "output-stream" (type $output (eq $output-of)))
    (export "get-stderr" (func (result (own $output))))))
  (import "wasi:cli/exit@0.2.3" (instance $exit
    (export "exit" (func (param "status" (result))))))
  (import "wasi:cli/environment@0.2.3" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))
    (export "get-arguments" (func (result (list string))))))
  (import "wasi:clocks/monotonic-clock@0.2.3" (instance $monotonic
    (alias outer 1 $pollable (type $pollable-of))
    (export "pollable" (type $pollable (eq $pollable-of)))
    (export "now" (func (result u64)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
  (import "wasi:random/random@0.2.3" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (import "wasi:filesystem/types@0.2.3" (instance $files
    (export "descriptor" (type $descriptor (sub resource)))))
  (alias export $files "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.2.3" (instance $preopens
    (alias outer 1 $descriptor (type $descriptor-of))
    (export "descriptor" (type $descriptor (eq $descriptor-of)))
    (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
  (import "wasi:sockets/network@0.2.3" (instance $network
    (export "network" (type $network (sub resource)))))
  (alias export $network "network" (type $network))
  (import "wasi:sockets/instance-network@0.2.3" (instance $instance-network
    (alias outer 1 $network (type $network-of))
    (export "network" (type $network (eq $network-of)))
    (export "instance-network" (func (result (own $network))))))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $poll (canon lower (func $poll "poll") (memory $memory) (realloc $results)))
  (core func $get-stderr (canon lower (func $stderr "get-stderr")))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $memory)))
  (core func $exit (canon lower (func $exit "exit")))
  (core func $environment (canon lower (func $environment "get-environment") (memory $memory) (realloc $results)))
  (core func $arguments-of-process
    (canon lower (func $environment "get-arguments") (memory $memory) (realloc $results)))
  (core func $now (canon lower (func $monotonic "now")))
  (core func $sleep (canon lower (func $monotonic "subscribe-duration")))
  (core func $random (canon lower (func $random "get-random-bytes") (memory $memory) (realloc $results)))
  (core func $directories (canon lower (func $preopens "get-directories") (memory $memory) (realloc $results)))
  (core func $network (canon lower (func $instance-network "instance-network")))
  (core instance $wasi
    (export "block" (func $block)) (export "poll" (func $poll))
    (export "get-stderr" (func $get-stderr)) (export "write" (func $write))
    (export "exit" (func $exit))
    (export "environment" (func $environment)) (export "arguments" (func $arguments-of-process))
    (export "now" (func $now)) (export "sleep" (func $sleep))
    (export "random" (func $random))
    (export "directories" (func $directories)) (export "network" (func $network)))
