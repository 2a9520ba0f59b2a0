package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/etcd"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/servertest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// joinContest measures a standby that joins an active node with many keys.
func (s *stage) joinContest() contest.Contest {
	const joins = 1 // after one to warm up: each takes seconds of all cores
	return contest.Contest{
		Name: "cluster with 100,000 keys and aliases: a standby joins", Open: s.openJoin, Rounds: joins,
		Figures: []contest.Figure{
			alone(contest.Ready, contest.Target{}), alone(contest.Memory, contest.Target{}),
		},
	}
}

// openJoin fills an etcd of one member that does not wait for the disk: that is not measured. Meanwhile, the cluster of
// the other contests settles.
func (s *stage) openJoin(ctx context.Context) ([]contest.Side, func() error, error) {
	if _, err := s.nodes(); err != nil {
		return nil, nil, err
	}
	etcd, err := s.startEtcd(ctx, "join-etcd", 1, "-no-sync")
	if err != nil {
		return nil, nil, err
	}
	nodes, err := s.newNodes("join", 2, etcd)
	if err != nil {
		return nil, nil, err
	}
	config, err := server.LoadConfig(nodes[0].node.Config)
	if err != nil {
		return nil, nil, err
	}
	if err := servertest.Fill(ctx, config, s.keys); err != nil {
		return nil, nil, err
	}
	active, standby := nodes[0], nodes[1]
	if err := active.Start(); err != nil {
		return nil, nil, err
	}
	end := func() error {
		err := active.Stop()
		etcd.Kill() // Nothing needs its data.
		return err
	}
	if err := active.awaitHealth(ctx, http.StatusOK); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return []contest.Side{{Name: "ours", Run: standby.join}}, end, nil
}

// join starts the node, and measures the seconds until it could take over and its memory then.
func (n *kmsNode) join(ctx context.Context, _ time.Duration) (contest.Sample, error) {
	began := time.Now()
	if err := n.Start(); err != nil {
		return nil, err
	}
	if err := n.awaitHealth(ctx, http.StatusTooManyRequests); err != nil {
		return nil, errors.Join(err, n.Stop())
	}
	ready := time.Since(began)
	memory, err := n.resident(ctx)
	return contest.Sample{contest.Ready: ready.Seconds(), contest.Memory: memory}, errors.Join(err, n.Stop())
}
