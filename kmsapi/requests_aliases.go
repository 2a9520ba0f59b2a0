package kmsapi

import "strings"

// AliasPrefix begins every alias (§4.14).
const AliasPrefix = "alias/"

// ReservedAliasPrefix begins the aliases that Alibaba Cloud keeps for its own services.
const ReservedAliasPrefix = "alias/acs"

// MaxAlias is the greatest length of an alias without [AliasPrefix], in characters; the least is 1.
const MaxAlias = 255

var aliasName = Rule{
	Name: "AliasName", Required: true, Named: true, Min: 1, Max: len(AliasPrefix) + MaxAlias,
	Matches: isAlias,
	Form:    "begin with alias/ and have letters, digits and characters of _ / - after it", Reserved: ReservedAliasPrefix,
}

var aliasText = lettersDigitsAnd("_/-")

func isAlias(name string) bool {
	rest, ok := strings.CutPrefix(name, AliasPrefix)
	return ok && rest != "" && aliasText.contain(rest)
}

// OpCreateAlias is CreateAlias.
const OpCreateAlias Operation = "CreateAlias"

// CreateAliasRequest gives a CMK an alias (§4.14).
type CreateAliasRequest struct {
	answers[CreateAliasResponse]
	// AliasName has [AliasPrefix] and up to [MaxAlias] more characters, does not begin with [ReservedAliasPrefix], and
	// is unique in an account and region.
	AliasName string
	KeyId     string
}

// Operation returns [OpCreateAlias].
func (*CreateAliasRequest) Operation() Operation { return OpCreateAlias }

func (r *CreateAliasRequest) visit(v visitor) {
	v.str(aliasName, &r.AliasName)
	v.str(keyID, &r.KeyId)
}

// CreateAliasResponse confirms the request (§4.14).
type CreateAliasResponse struct{ Reply }

// OpUpdateAlias is UpdateAlias.
const OpUpdateAlias Operation = "UpdateAlias"

// UpdateAliasRequest lets an existing alias name another CMK (§4.15).
type UpdateAliasRequest struct {
	answers[UpdateAliasResponse]
	AliasName string
	// KeyId is the CMK that the alias names from now on.
	KeyId string
}

// Operation returns [OpUpdateAlias].
func (*UpdateAliasRequest) Operation() Operation { return OpUpdateAlias }

func (r *UpdateAliasRequest) visit(v visitor) {
	v.str(aliasName, &r.AliasName)
	v.str(keyID, &r.KeyId)
}

// UpdateAliasResponse confirms the request (§4.15).
type UpdateAliasResponse struct{ Reply }

// OpDeleteAlias is DeleteAlias.
const OpDeleteAlias Operation = "DeleteAlias"

// DeleteAliasRequest removes an alias, and leaves its CMK alone (§4.16).
type DeleteAliasRequest struct {
	answers[DeleteAliasResponse]
	AliasName string
}

// Operation returns [OpDeleteAlias].
func (*DeleteAliasRequest) Operation() Operation { return OpDeleteAlias }

func (r *DeleteAliasRequest) visit(v visitor) { v.str(aliasName, &r.AliasName) }

// DeleteAliasResponse confirms the request (§4.16).
type DeleteAliasResponse struct{ Reply }

// OpListAliases is ListAliases.
const OpListAliases Operation = "ListAliases"

// ListAliasesRequest asks for one page of the account's aliases in the region (§4.17).
type ListAliasesRequest struct {
	answers[ListAliasesResponse]
	// PageNumber counts from 1; 0 means 1.
	PageNumber int
	// PageSize is up to [MaxPageSize]; 0 means [DefaultPageSize].
	PageSize int
}

// Operation returns [OpListAliases].
func (*ListAliasesRequest) Operation() Operation { return OpListAliases }

func (r *ListAliasesRequest) visit(v visitor) { visitPage(v, &r.PageNumber, &r.PageSize) }

// OpListAliasesByKeyId is ListAliasesByKeyId.
const OpListAliasesByKeyId Operation = "ListAliasesByKeyId"

// ListAliasesByKeyIdRequest asks for one page of a CMK's aliases (§4.18).
type ListAliasesByKeyIdRequest struct {
	answers[ListAliasesByKeyIdResponse]
	KeyId string
	// PageNumber counts from 1; 0 means 1.
	PageNumber int
	// PageSize is up to [MaxPageSize]; 0 means [DefaultPageSize].
	PageSize int
}

// Operation returns [OpListAliasesByKeyId].
func (*ListAliasesByKeyIdRequest) Operation() Operation { return OpListAliasesByKeyId }

func (r *ListAliasesByKeyIdRequest) visit(v visitor) {
	visitPage(v, &r.PageNumber, &r.PageSize)
	v.str(keyID, &r.KeyId)
}

// ListAliasesResponse is one page of aliases (§4.17).
type ListAliasesResponse struct {
	Reply
	Aliases    AliasList
	PageNumber int
	PageSize   int
	// TotalCount counts the aliases of all pages.
	TotalCount int
}

// ListAliasesByKeyIdResponse is one page of a CMK's aliases (§4.18).
type ListAliasesByKeyIdResponse struct{ ListAliasesResponse }

// AliasList is the object around a list of aliases on the wire.
type AliasList struct{ Alias []AliasEntry }

// AliasEntry is one alias in a list.
type AliasEntry struct {
	// AliasName has [AliasPrefix].
	AliasName string
	KeyId     string
	AliasArn  string
}
