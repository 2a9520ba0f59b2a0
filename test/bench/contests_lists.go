package main

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// filterings are filters of ListKeys, each with the share of the keys of [servertest.Fill] that it lets through.
var filterings = []struct {
	name    string
	filters kmsapi.Filters
	share   int // one key in that many
}{
	{"state", filtersOf(kmsapi.FilterByState, string(kmsapi.Enabled)), 1},
	{"protection level", filtersOf(kmsapi.FilterByProtectionLevel, string(kmsapi.ProtectionHSM)), 2},
	{"tag key", filtersOf(kmsapi.FilterByTagKey, "team"), 1},
	{"tag value", filtersOf(kmsapi.FilterByTagValue, "team-7"), 10},
	{"tag and state", append(filtersOf(kmsapi.FilterByState, string(kmsapi.Enabled)),
		kmsapi.Filter{Key: kmsapi.FilterByTagKey, Values: []string{"team"}},
		kmsapi.Filter{Key: kmsapi.FilterByTagValue, Values: []string{"team-7"}}), 10},
}

func filtersOf(key, value string) kmsapi.Filters {
	return kmsapi.Filters{{Key: key, Values: []string{value}}}
}

// filterContests compare a page in the middle of what filters let through with one in the middle of all keys.
func (s *stage) filterContests() []contest.Contest {
	var found []contest.Contest
	for _, f := range filterings {
		found = append(found, contest.Contest{
			Name:    "service with 100,000 keys: ListKeys by " + f.name,
			Open:    func(context.Context) ([]contest.Side, func() error, error) { return s.openFilter(f.filters, f.share) },
			Figures: []contest.Figure{figure(contest.P50, contest.AtMost(2))},
		})
	}
	return found
}

func (s *stage) openFilter(filters kmsapi.Filters, share int) ([]contest.Side, func() error, error) {
	many, err := s.many()
	if err != nil {
		return nil, nil, err
	}
	side := func(name string, r *kmsapi.ListKeysRequest) contest.Side {
		side := many.signed(many.http, 1, func(int) kmsapi.Request { return r })
		side.Name = name
		return side
	}
	middle := max(1, many.pages()/share/2)
	return []contest.Side{
		side("ours", &kmsapi.ListKeysRequest{Filters: filters, PageNumber: middle, PageSize: pageSize}),
		side("plain page", &kmsapi.ListKeysRequest{PageNumber: many.pages() / 2, PageSize: pageSize}),
	}, nil, nil
}
