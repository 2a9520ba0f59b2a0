// Package group is group commit for engines whose transactions are exclusive: updates that wait at the same time share
// a transaction, and so the cost of its commit. [Group] runs the updates, and the engine gives it a [Transaction] for
// each group.
package group
