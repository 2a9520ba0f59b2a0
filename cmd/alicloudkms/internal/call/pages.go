package call

import (
	"context"
	"reflect"
	"strconv"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The parameters of operations that list, page by page, and the field of their answers that counts the entries of all
// pages.
const (
	pageNumber = "PageNumber"
	pageSize   = "PageSize"
	totalCount = "TotalCount"
)

// A pager reads all pages of one list.
type pager struct {
	op     kmsapi.Operation
	params kmsapi.Params
	list   list
}

// newPager returns a pager for an operation that lists. Without a PageSize, pages are as large as KMS allows.
func newPager(op kmsapi.Operation, params kmsapi.Params, s shape) (*pager, error) {
	switch {
	case !op.Takes(pageNumber) || !op.Takes(pageSize) || len(s.lists) != 1:
		return nil, usagef("-all is for operations that list page by page; %s is not one of them", op)
	case params.Get(pageNumber) != "":
		return nil, usagef("-all reads every page, so %s can't be given", pageNumber)
	case params.Get(pageSize) == "":
		params = params.Add(pageSize, strconv.Itoa(kmsapi.MaxPageSize))
	}
	return &pager{op: op, params: params, list: s.lists[0]}, nil
}

// read returns one answer that has the entries of all pages, and a PageSize that says how many those are. The list may
// change meanwhile: an entry that moves from one page to another may then be missing, or be there twice.
func (p *pager) read(ctx context.Context, kms client.Doer) (kmsapi.Response, error) {
	var whole kmsapi.Response
	for number := 1; ; number++ {
		request, err := newRequest(p.op, p.params.Add(pageNumber, strconv.Itoa(number)))
		if err != nil {
			return nil, err
		}
		page, err := kms.Do(ctx, request)
		if err != nil {
			return nil, err
		}
		entries := p.entries(page)
		last := entries.Len() == 0
		if whole == nil {
			whole = page
		} else {
			all := p.entries(whole)
			all.Set(reflect.AppendSlice(all, entries))
		}
		if count := p.entries(whole).Len(); last || count >= intField(page, totalCount) {
			reflect.ValueOf(whole).Elem().FieldByName(pageSize).SetInt(int64(count))
			return whole, nil
		}
	}
}

func (p *pager) entries(page kmsapi.Response) reflect.Value {
	return reflect.ValueOf(page).Elem().FieldByIndex(p.list.index)
}

// intField returns the integer in answer that is called name, and 0 if there is none.
func intField(answer kmsapi.Response, name string) int {
	if field := reflect.ValueOf(answer).Elem().FieldByName(name); field.IsValid() && field.CanInt() {
		return int(field.Int())
	}
	return 0
}
