module payment-go

go 1.25

require oncegate.dev/sdk v0.1.0

replace oncegate.dev/sdk => ../../guest-sdk/go
