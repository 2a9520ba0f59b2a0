//go:build !linux

package etcdtest

import "errors"

// LimitFiles fails: only Linux limits another process.
func (*Member) LimitFiles(uint64) error { return errors.ErrUnsupported }
