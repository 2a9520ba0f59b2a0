package main

import (
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
)

func TestScriptsWithEtcd(t *testing.T) {
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/etcd",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			env.Setenv("ETCD", etcd.Endpoints()[0])
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"await": await, "terminate": signalAll(syscall.SIGTERM),
		},
	})
}
