"""Deliberate bugs below the core: policies, protocols, knowledge."""

from tests.simulation.mutation import Mutant

POLICIES = (
    Mutant(
        "the budget is never drained",
        "policy.budget:RetryBudget.withdraw",
        "self._level -= rest",
        "pass",
    ),
    Mutant(
        "a good answer pays for ten retries",
        "policy.budget:RetryBudget.deposit",
        "earned = self.ratio - paid",
        "earned = 10.0",
    ),
    Mutant(
        "the breaker's trial never ends",
        "policy.breaker:Breaker.allow",
        "now + self.trial_timeout",
        'float("inf")',
    ),
    Mutant(
        "the breaker never tries again",
        "policy.breaker:Breaker.state",
        "if until is not None and now >= until:",
        "if until is not None and now >= until and self._state is not State.OPEN:",
    ),
    Mutant(
        "the breaker rests for longer than the longest rest",
        "policy.breaker:Breaker._open",
        "rest = min(self.max_open,",
        "rest = max(6000.0,",
    ),
    Mutant(
        "the breaker opens at the first failure",
        "policy.breaker:Breaker.failure",
        "if self._failures < self.threshold:",
        "if self._failures < 1:",
    ),
    Mutant(
        "the quarantine grows without bound",
        "policy.quarantine:Quarantine._make_room",
        "> self.settings.max_keys",
        "> 10_000",
    ),
    Mutant(
        "a key that was released is refused all the same",
        "policy.quarantine:Quarantine.clear",
        "self._entries.clear()",
        "pass",
    ),
    Mutant(
        "a key refused in one service is refused in all",
        "policy.digests:KeyHasher.digest",
        'service.encode() + b"\\0" + key',
        "key",
    ),
    Mutant(
        "one unexplained failure is enough to blame a key",
        "policy.strikes:Strikes.strike",
        "if strikes >= self.needed:",
        "if strikes >= 1:",
    ),
    Mutant(
        "an outage blames the keys it hits",
        "policy.strikes:Strikes.strike",
        "(successes > record.successes)",
        "1",
    ),
    Mutant(
        "two bad keys are enough to refuse their kind",
        "policy.learned:LearnedClass.blame",
        "if len(suspects) < self.threshold:",
        "if len(suspects) < 2:",
    ),
    Mutant(
        "backends are replaced without any pause",
        "policy.restarts:Restarts.lost",
        "if self._lost <= settings.burst:",
        "if True:",
    ),
    Mutant(
        "a pause between starts never ends",
        "policy.restarts:Restarts.lost",
        "return delay *",
        "return 1e9 *",
    ),
    Mutant(
        "throttling goes on for ever",
        "policy.pacing:Pacer.update",
        "self.exhausted = self.exhausted or self._spent >= self.limit",
        "pass",
    ),
    Mutant(
        "a backend is looked at all the time",
        "policy.runaway:SpinDetector.next_sample",
        "due = self._samples[-1].at + interval if self._samples else now",
        "due = now",
    ),
    Mutant(
        "a flood of different lines is remembered line by line",
        "policy.collapse:Collapser.admit",
        "if len(self._entries) >= self._max_signatures:",
        "if False:",
    ),
    Mutant(
        "a flood of different lines fills the log",
        "policy.collapse:Collapser.admit",
        "if self._window_lines >= self._max_lines:",
        "if False:",
    ),
)

PROTOCOLS = (
    Mutant(
        "our own answers have the id of another request",
        "protocol.text_smtpd:TextSmtpd.answer",
        "(word, request.id,",
        '(word, b"%08x" % (int(request.id, 16) ^ 1),',
    ),
    Mutant(
        "the answer with another request's id is passed on",
        "protocol.text_backend:TextBackend._judge",
        "if id_ != request.id:",
        "if False:",
    ),
    Mutant(
        "an answer to another operation is passed on",
        "protocol.text_backend:TextBackend._judge",
        "if result != RESULTS[operation]:",
        "if False:",
    ),
    Mutant(
        "an empty value is passed on",
        "protocol.text_backend:_parse",
        "if rest:",
        "if bar:",
    ),
    Mutant(
        "a value with a NUL is passed on",
        "protocol.text_backend:TextBackend._judge",
        'if b"\\0" in line:',
        "if False:",
    ),
    Mutant(
        "the rest of a torn key is the next request",
        "protocol.text_smtpd:waits_for_answers",
        "return number is not None and",
        "return False and",
    ),
    Mutant(
        "a key with a bar is torn",
        "protocol.text_smtpd:TextSmtpd._read",
        'split(b"|", at + 3)',
        'split(b"|")',
    ),
    Mutant(
        "a message in two pieces waits for one byte more",
        "protocol.frames:Frames.split",
        "self._needed = length",
        "self._needed = length + 1",
    ),
    Mutant(
        "in the imsg protocol a value that ends too early is passed on",
        "protocol.imsg_backend:_parse",
        'value.find(b"\\0") != len(value) - 1',
        "False",
    ),
    Mutant(
        "in the imsg protocol an empty value is passed on",
        "protocol.imsg_backend:_parse",
        'if value in (b"", b"\\0"):',
        'if value == b"":',
    ),
    Mutant(
        "in the imsg protocol a message of another type is passed on",
        "protocol.frames:Frames.split",
        "type_ != self._only_type",
        "False",
    ),
    Mutant(
        "in the imsg protocol a second answer waits for the next question",
        "protocol.imsg_backend:ImsgBackend._judge",
        'return Damage(UNSOLICITED, "an answer nobody asked for")',
        "return Answer(Verdict.ERROR)",
    ),
)

KNOWLEDGE = (
    Mutant(
        "a hash shows in the log",
        "knowledge.masking:scrub",
        "text = _HASHES.sub(MASK, text)",
        "pass",
    ),
    Mutant(
        "a mask shows what is below it",
        "knowledge.keys:mask_key",
        'return f"{first}{MASK}{at}{domain}"',
        'return f"{local}{MASK}{at}{domain}"',
    ),
    Mutant(
        "a password a backend repeats shows where keys are shown",
        "knowledge.masking:scrub",
        "in _forms(secrets):",
        "in ():",
    ),
)
