package config

import (
	"errors"
	"fmt"
	"time"
)

// Limits bound what a request may take. Zero values mean the defaults.
type Limits struct {
	// TimestampWindow is how far a request's timestamp may be from the service's clock; "" means "15m".
	TimestampWindow string `hcl:"timestamp_window,optional"`
	// MaxRequestBytes bounds header and body, each; 0 means 256 KiB.
	MaxRequestBytes int `hcl:"max_request_bytes,optional"`
	// MaxNonces bounds the memory of nonces; 0 means 2,000,000, about 1,000 requests a second with the default window.
	MaxNonces int `hcl:"max_nonces,optional"`
	// MaxConnections bounds the connections that are open at once; 0 means 4,096. More wait until one closes.
	MaxConnections int `hcl:"max_connections,optional"`
}

// The defaults of [Limits].
const (
	DefaultTimestampWindow = 15 * time.Minute
	DefaultMaxRequestBytes = 256 << 10
	DefaultMaxNonces       = 2_000_000
	DefaultMaxConnections  = 4096
)

func (l *Limits) validate() error {
	if l == nil {
		return nil
	}
	if l.MaxRequestBytes < 0 || l.MaxNonces < 0 || l.MaxConnections < 0 {
		return errors.New("limits: a limit can't be negative")
	}
	window, err := l.Window()
	if err != nil || window < time.Second || window > 24*time.Hour {
		return fmt.Errorf("limits: timestamp_window %q is not a duration from 1s to 24h, such as \"15m\"", l.TimestampWindow)
	}
	return nil
}

// Window is TimestampWindow, or its default. It may be called on nil.
func (l *Limits) Window() (time.Duration, error) {
	if l == nil || l.TimestampWindow == "" {
		return DefaultTimestampWindow, nil
	}
	return time.ParseDuration(l.TimestampWindow)
}

// WithDefaults returns l with a default for each bound that is 0. It may be called on nil.
func (l *Limits) WithDefaults() Limits {
	var full Limits
	if l != nil {
		full = *l
	}
	full.MaxRequestBytes = orDefault(full.MaxRequestBytes, DefaultMaxRequestBytes)
	full.MaxNonces = orDefault(full.MaxNonces, DefaultMaxNonces)
	full.MaxConnections = orDefault(full.MaxConnections, DefaultMaxConnections)
	return full
}

func orDefault(value, standard int) int {
	if value == 0 {
		return standard
	}
	return value
}
