package ops

import (
	"context"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Status is the state of the service at one time: what /healthz, /metrics and the page have in common. Its fields are
// in memory and cost nothing to find; what has to be looked for is behind functions, so that only those that show it
// pay for it.
type Status struct {
	// At is the time, by the service's clock, and Started when the service was opened.
	At, Started time.Time
	// Version is that of the program, "" if it is not known, and Layout that of the storage layout.
	Version string
	Layout  int
	// StoreErr is why the store takes no writes, and AuditErr why the last audit line could not be written; nil if they
	// can.
	StoreErr, AuditErr error
	// StaleSince is since when the service runs on an older configuration than that of its file, because the last reload
	// has failed; zero if it does not.
	StaleSince time.Time

	// Certificates are those of the gateways, the shared one first, and then those of a node of a cluster.
	Certificates []Certificate

	// Audited says that there is an audit log.
	Audited bool

	// RetryAudit tries to write an audit line, and returns nil if that was possible.
	RetryAudit func() error
	// Figures returns the numbers that are in memory.
	Figures func() Figures
	// Usage returns what has been asked for under each rate limit that has had a request.
	Usage func() []Usage
	// Records reads the store. With an error, it returns what could be read. Of what is to come it returns at most so many
	// events of a kind.
	Records func(ctx context.Context, atMost int) (Records, error)
}

// Figures are the numbers of a [Status] that are in memory.
type Figures struct {
	// Nonces is the number of nonces in memory.
	Nonces int
	// StoreBytes is the size of the store's file, or of what etcd keeps, and 0 if it is not known.
	StoreBytes int64
	// Limits are the rate limits of the classes, in the order of [kmsapi.RateClasses], and GatewayLimits those of
	// dedicated gateways.
	Limits        []Limit
	GatewayLimits []GatewayLimit
	// Quotas are those of what is counted in the store.
	Quotas []Quota
}

// Limit is the rate limit of a class.
type Limit struct {
	Class kmsapi.RateClass
	// PerSecond is how many requests a second an account may send in a region; negative means any number.
	PerSecond int
}

// GatewayLimit is the rate limit of a dedicated gateway, for each class.
type GatewayLimit struct {
	Gateway   string
	PerSecond int
}

// Usage is what has been asked for under one rate limit.
type Usage struct {
	// Account and Region are empty for a dedicated gateway, which has a limit of its own.
	Account, Region string
	Gateway         string
	Class           kmsapi.RateClass
	// Limit is in requests a second. PerSecond is how many were let through in the last minute, on average.
	Limit     int
	PerSecond float64
	// Passed and Refused count requests since the start, or since a reload has changed a rate limit.
	Passed, Refused uint64
}

// Records are the numbers of a [Status] that are in the store.
type Records struct {
	// Keys is the number of CMKs by account, region and state.
	Keys []KeyCount
	// Secrets is the number of secrets by account and region.
	Secrets []SecretCount
	// Losses are the next deletions of CMKs and expiries of imported material, SecretDeletions those of secrets, and
	// Rotations the next automatic rotations: each in the order of time. What is overdue is there too.
	Losses, SecretDeletions, Rotations []Event
}

// KeyCount is the number of CMKs of an account and region in a state.
type KeyCount struct {
	Account, Region string
	State           kmsapi.KeyState
	Number          int
}

// SecretCount is the number of secrets of an account and region, with those that are to be deleted.
type SecretCount struct {
	Account, Region string
	Number          int
}

// Event is what will happen to a CMK or a secret without anyone calling.
type Event struct {
	At              time.Time
	Account, Region string
	// KeyID is the CMK's; it is empty for a secret, whose name is not the operators' business.
	KeyID string
	// Loss is what a CMK loses, in a word.
	Loss string
}

// health returns nil if requests can be served. While the audit log fails, requests are refused without a try to write,
// so this tries it.
func (s Status) health() error {
	if s.StoreErr != nil {
		return s.StoreErr
	}
	if s.AuditErr == nil {
		return nil
	}
	return s.RetryAudit()
}
