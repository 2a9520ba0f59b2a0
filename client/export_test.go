package client

import "time"

// LimitAttempts changes the time that an attempt has, but not that of the parts of one, such as a TLS handshake. No
// call may be under way, except in Jitter.
func (c *Client) LimitAttempts(limit time.Duration) { c.cfg.RequestTimeout = limit }
