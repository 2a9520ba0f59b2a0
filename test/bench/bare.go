package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"runtime"
	"syscall"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// bareCrypto is a function that signs without a server, and what its library is called.
type bareCrypto struct {
	library string
	open    func() (func() error, error)
}

// side runs it in this process, and counts the processor time that it took: the rate is that of all cores with nothing
// else to do. On a busy machine the kernel gives the servers, which are processes of their own, more of the cores than
// one process that does the same work.
func (b bareCrypto) side(goroutines int) (contest.Side, error) {
	sign, err := b.open()
	return contest.Side{Name: b.library, Run: func(ctx context.Context, d time.Duration) (contest.Sample, error) {
		before, err := processorTime()
		if err != nil {
			return nil, err
		}
		load, err := contest.Drive(ctx, goroutines, d, 0, always(sign))
		if err != nil {
			return nil, err
		}
		after, err := processorTime()
		seconds := (after - before).Seconds() / float64(runtime.GOMAXPROCS(0))
		return contest.Sample{contest.PerSecond: float64(len(load.Took)) / seconds}, err
	}}, err
}

// processorTime is what this process has used so far.
func processorTime() (time.Duration, error) {
	var used syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), err
}

var bareDigest = make([]byte, crypto.SHA256.Size())

func bareP256() (func() error, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return func() error {
		_, err := ecdsa.SignASN1(rand.Reader, key, bareDigest)
		return err
	}, err
}

func bareRSA() (func() error, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	salt := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	return func() error {
		_, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, bareDigest, salt)
		return err
	}, err
}
