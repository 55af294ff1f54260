"""The supervisor: restarts children after a growing pause, gates them by their breakers, stops them in order.

A crash is a bug and leads to a restart. A failure that the child expected is a report (`Unhealthy`) and feeds the
child's breaker: the child stays alive and is told to be quiet. Being alive closes no breaker, only `Healthy` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from reconcile_actors.kernel.behaviour import Behaviour, Context, Timer
from reconcile_actors.kernel.child import Child, ChildSpec
from reconcile_actors.kernel.circuit_breaker import Transition
from reconcile_actors.kernel.errors import HostStopped
from reconcile_actors.kernel.signals import (
    Abandoned,
    BreakerChanged,
    BreakerTransition,
    ChildAbandoned,
    ChildParked,
    ChildRestarted,
    ChildResumed,
    ChildTable,
    DescribeChildren,
    Healthy,
    Reason,
    ResumeChild,
    Terminated,
    Unhealthy,
    reason_type,
)

__all__ = ["ChildSpec", "Supervisor"]


@dataclass(frozen=True, slots=True)
class _Due:
    """To oneself: the time has come for one child."""

    name: str
    what: Literal["respawn", "breaker"]


class Supervisor(Behaviour):
    """Starts `specs` in their order, one child each, and stops them in the opposite one."""

    def __init__(self, specs: Iterable[ChildSpec]) -> None:
        self._specs = tuple(specs)
        if len({spec.name for spec in self._specs}) != len(self._specs):
            raise ValueError("two children of one supervisor have the same name")
        self._children: dict[str, Child] = {}
        self._stopping = False

    def started(self, context: Context) -> None:
        """Start all children."""
        for spec in self._specs:
            self._children[spec.name] = Child(spec, context.random)
            self._spawn(context, self._children[spec.name])

    def receive(self, context: Context, message: object) -> None:
        """See `kernel.signals` for what it takes; anything else is ignored."""
        match message:
            case Terminated(name=name, epoch=epoch, reason=reason):
                self._on_terminated(context, name, epoch, reason)
            case Healthy() | Unhealthy():
                self._on_report(context, message)
            case _Due(name=name, what="respawn"):
                self._respawn(context, self._children[name])
            case _Due(name=name):
                self._tick_breaker(context, self._children[name])
            case ResumeChild(name=name):
                self._answer(context, ChildResumed(name, known=self._resume(context, name)))
            case DescribeChildren():
                self._answer(context, ChildTable(tuple(child.row() for child in self._children.values())))
            case _:
                pass  # a reply that came after its reason had gone, for one

    def stop_requested(self, context: Context) -> bool:
        """Stop the children first, last one first, each with its deadline."""
        if not self._stopping:
            self._stopping = True
            for child in self._children.values():
                _cancel(child.restart_timer)
                _cancel(child.breaker_timer)
            self._stop_next(context)
        return not self._alive()

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping

    def announce(self, context: Context, event: object) -> None:
        """Make an event known; override to record it as well."""
        context.publish(event)

    # --- ends and restarts

    def _on_terminated(self, context: Context, name: str, epoch: int, reason: Reason) -> None:
        child = self._children.get(name)
        if child is None or child.epoch != epoch:
            return  # an earlier incarnation, which has been replaced
        if isinstance(reason, Abandoned):
            self.announce(context, ChildAbandoned(name, epoch))
        if self._stopping:
            child.state = "ended"
            self._stop_next(context)
            return
        now = context.monotonic()
        self._tick_breaker(context, child)
        if child.breaker is not None and child.breaker.state == "half_open":
            # The probe ended with the child.
            self._changed(context, child, child.breaker.record_failure(now, reason="ended_in_probe"))
        state = child.note_end(now, reason)
        if state == "backing_off":
            child.restart_timer = context.schedule(child.last_delay_seconds, _Due(name, "respawn"))
        elif state == "parked":
            self.announce(context, ChildParked(name, epoch, reason_type(reason)))

    def _respawn(self, context: Context, child: Child) -> None:
        if child.state != "backing_off" or self._stopping:
            return
        self._tick_breaker(context, child)
        wait_seconds = child.respawn_after(context.monotonic())
        if wait_seconds is None:
            return  # its breaker is open for good: `ResumeChild` brings it back
        if wait_seconds > 0:
            child.last_delay_seconds += wait_seconds
            child.restart_timer = context.schedule(wait_seconds, _Due(child.spec.name, "respawn"))
            return
        self._restart(context, child)

    def _restart(self, context: Context, child: Child) -> None:
        _cancel(child.restart_timer)
        if not self._spawn(context, child):
            return
        child.restarts += 1
        self.announce(
            context,
            ChildRestarted(child.spec.name, child.epoch, reason_type(child.last_reason), child.last_delay_seconds),
        )

    def _spawn(self, context: Context, child: Child) -> bool:
        spec = child.spec
        try:
            epoch = context.spawn(spec.name, spec.factory, mailbox_limit=spec.mailbox_limit)
        except HostStopped:  # we are about to be asked to stop too: to crash here would cut off those who still write
            child.state = "ended"
            return False
        child.note_spawned(epoch)
        if child.breaker is not None and child.breaker.state == "half_open":
            self._offer_probe(context, child)
        return True

    def _resume(self, context: Context, name: str) -> bool:
        child = self._children.get(name)
        if child is None:
            return False
        child.forget()
        if child.breaker is not None:
            self._changed(context, child, child.breaker.reset())
        if child.state != "alive" and not self._stopping:
            child.last_delay_seconds = 0.0
            self._restart(context, child)
        return True

    # --- reports and what follows from them

    def _on_report(self, context: Context, report: Healthy | Unhealthy) -> None:
        envelope = context.envelope
        child = None if envelope is None or envelope.sender is None else self._children.get(envelope.sender)
        if envelope is None or child is None or child.epoch != envelope.sender_epoch or child.state != "alive":
            return  # from nobody of ours, or from an incarnation that has ended
        now = context.monotonic()
        self._tick_breaker(context, child)
        if isinstance(report, Healthy):
            child.note_healthy(now)
            if child.breaker is not None:
                self._changed(context, child, child.breaker.record_success(now))
            return
        child.note_unhealthy()
        if child.breaker is None:
            return
        if report.permanent:
            self._changed(context, child, child.breaker.open_for_good(report.reason))
        else:
            self._changed(context, child, child.breaker.record_failure(now, report.retry_after, report.reason))

    def _tick_breaker(self, context: Context, child: Child) -> None:
        if child.breaker is not None and not self._stopping:
            self._changed(context, child, child.breaker.tick(context.monotonic()))

    def _changed(self, context: Context, child: Child, transition: Transition | None) -> None:
        """Tell the child and the world of a transition, and be there when the next is due."""
        breaker = child.breaker
        if breaker is None:
            return
        if transition is not None:
            self.announce(
                context,
                BreakerTransition(child.spec.name, transition.from_state, transition.to_state, transition.reason),
            )
            if child.state == "alive" and breaker.state == "half_open":
                self._offer_probe(context, child)
            elif child.state == "alive":
                context.tell(child.spec.name, BreakerChanged(breaker.state, breaker.retry_at))
        self._await_breaker(context, child)

    def _offer_probe(self, context: Context, child: Child) -> None:
        if child.breaker is not None and child.breaker.allow(context.monotonic()):
            context.tell(child.spec.name, BreakerChanged("half_open", None))
            self._await_breaker(context, child)

    def _await_breaker(self, context: Context, child: Child) -> None:
        _cancel(child.breaker_timer)
        child.breaker_timer = None
        due = None if child.breaker is None else child.breaker.next_change_at
        if due is not None and not self._stopping:
            delay_seconds = max(0.0, due - context.monotonic())
            child.breaker_timer = context.schedule(delay_seconds, _Due(child.spec.name, "breaker"))

    # --- the end

    def _stop_next(self, context: Context) -> None:
        alive = self._alive()
        if alive:
            context.stop_child(alive[-1].spec.name, deadline_seconds=alive[-1].spec.shutdown_seconds)
        else:
            context.stop()

    def _alive(self) -> list[Child]:
        return [child for child in self._children.values() if child.state == "alive"]

    def _answer(self, context: Context, message: object) -> None:
        if context.envelope is not None and context.envelope.expects_reply:
            context.reply(message)


def _cancel(timer: Timer | None) -> None:
    if timer is not None:
        timer.cancel()
