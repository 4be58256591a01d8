module oncegate.dev/sdk

go 1.25
