package main

import (
	"context"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// onBolt and byStandby are the peers of the active node: the same service on a machine of its own, and a standby of the
// cluster, which forwards.
const (
	onBolt    = "on bbolt"
	byStandby = "through a standby"
)

// clusterContests are the contests of the service on etcd: three members, which wait for the disk, and three nodes.
func (s *stage) clusterContests() []contest.Contest {
	found := append([]contest.Contest{s.joinContest()}, s.takeoverContests()...)
	for _, c := range []int{1, 16} {
		found = append(found, contest.Contest{
			Name: fmt.Sprintf("cluster: Encrypt over TLS, c=%d", c),
			Open: func(ctx context.Context) ([]contest.Side, func() error, error) {
				sides, err := s.openClusterEncrypt(ctx, c)
				return sides, nil, err
			},
			Figures: []contest.Figure{
				against(onBolt, contest.PerSecond, contest.AtLeast(0.95)),
				against(byStandby, contest.PerSecond, contest.Target{}),
			},
			Finer: closePairs,
		})
	}
	for _, c := range []int{1, 64} {
		found = append(found, contest.Contest{
			Name: fmt.Sprintf("cluster: durable CreateKey over TLS, c=%d", c),
			Open: func(ctx context.Context) ([]contest.Side, func() error, error) {
				sides, err := s.openClusterCreate(ctx, c)
				return sides, nil, err
			},
			Figures: []contest.Figure{figure(contest.PerSecond, contest.Target{})},
		})
	}
	return found
}

func (s *stage) openClusterEncrypt(ctx context.Context, goroutines int) ([]contest.Side, error) {
	kms, nodes, err := s.bothStores(ctx)
	if err != nil {
		return nil, err
	}
	ours, err := nodes.active.makeKey(ctx, symmetric)
	if err != nil {
		return nil, err
	}
	peers, err := kms.makeKey(ctx, symmetric)
	if err != nil {
		return nil, err
	}
	var sides []contest.Side
	for _, side := range []struct {
		name string
		kms  *kmsService
		key  madeKey
	}{{"ours", nodes.active.kmsService, ours}, {onBolt, kms, peers}, {byStandby, nodes.standbys[0].kmsService, ours}} {
		made, err := side.kms.side(side.name, goroutines, encryptWith(side.key))
		if err != nil {
			return nil, err
		}
		sides = append(sides, made)
	}
	return sides, nil
}

func (s *stage) openClusterCreate(ctx context.Context, goroutines int) ([]contest.Side, error) {
	kms, nodes, err := s.bothStores(ctx)
	if err != nil {
		return nil, err
	}
	ours, err := nodes.active.side("ours", goroutines, &kmsapi.CreateKeyRequest{})
	if err != nil {
		return nil, err
	}
	peer, err := kms.side(onBolt, goroutines, &kmsapi.CreateKeyRequest{})
	return []contest.Side{ours, peer}, err
}

// bothStores returns a service on a machine of its own, and one on etcd. Both have settled.
func (s *stage) bothStores(ctx context.Context) (*kmsService, *cluster, error) {
	nodes, err := s.nodes()
	if err != nil {
		return nil, nil, err
	}
	kms, err := s.kms()
	if err != nil {
		return nil, nil, err
	}
	return kms, nodes, sleep(ctx, time.Until(nodes.since.Add(settling)))
}

// side is a side that repeats one request with connections of its own.
func (k *kmsService) side(name string, goroutines int, r kmsapi.Request) (contest.Side, error) {
	client, err := newHTTP(k.CA)
	side := k.signed(client, goroutines, same(r))
	side.Name = name
	return side, err
}
