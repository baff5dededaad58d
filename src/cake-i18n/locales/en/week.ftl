# A week on one screen: in a letter, on its page and in the terminal.

week-title = The week
week-span = { $from } to { $until }
week-happened = What happened
week-done = What cake did
week-todo = What you should do
week-nothing = Nothing. Have a good week.
week-todo-more = And { $count } more: see the alerts.
week-names = { $line } { $names }
week-names-more = { $line } { $names } and { $more } more

week-quiet = Nothing happened that you need to know.
week-alerts = { $count ->
    [one] One alert began (errors: { $more }).
   *[other] { $count } alerts began (errors: { $more }).
}
week-alerts-over = { $count ->
    [one] One alert ended.
   *[other] { $count } alerts ended.
}
week-often = { $count ->
    [one] { $name }: “{ $what }” came once.
   *[other] { $name }: “{ $what }” came { $count } times.
}
week-vm-crashed = { $count ->
    [one] A VM crashed:
   *[other] VMs crashed { $count } times:
}
week-vm-failed = { $count ->
    [one] A VM could not do what was asked:
   *[other] VMs could not do what was asked { $count } times:
}
week-hardware = { $count ->
    [one] A server’s event log has a new entry that is not good:
   *[other] Servers’ event logs have { $count } new entries that are not good:
}
week-server-off = { $count ->
    [one] A server went off:
   *[other] Servers went off { $count } times:
}
week-node-away = { $count ->
    [one] A server was not heard for a while.
   *[other] Servers were not heard for a while { $count } times.
}
week-login-failed = { $count ->
    [one] One login failed.
   *[other] { $count } logins failed.
}
week-control-started = { $count ->
    [one] cake itself started once.
   *[other] cake itself started { $count } times.
}
week-vm-created = { $count ->
    [one] A new VM:
   *[other] { $count } new VMs:
}
week-vm-deleted = { $count ->
    [one] A VM was deleted for good:
   *[other] { $count } VMs were deleted for good:
}
week-vm-restarted = { $count ->
    [one] Started a VM again that had crashed:
   *[other] Started VMs again that had crashed, { $count } times:
}
week-tasks = { $count ->
    [one] Carried out one task (failed: { $more }).
   *[other] Carried out { $count } tasks (failed: { $more }).
}
week-vm-exported = { $count ->
    [one] Exported a VM:
   *[other] Exported { $count } VMs:
}
week-image-imported = { $count ->
    [one] Took in an image:
   *[other] Took in { $count } images:
}
week-watched = { $count ->
    [one] Watches one server with { $more } sensors.
   *[other] Watches { $count } servers with { $more } sensors.
}
week-running = Runs { $count } of { $more } VMs.
week-beyond = { $count ->
    [one] The week had more than one record; what is older is not counted.
   *[other] The week had more than { $count } records; what is older than these is not counted.
}

letter-subject-week = { $count ->
    [0] { $rack }: the week, nothing to do
    [one] { $rack }: the week, one thing to do
   *[other] { $rack }: the week, { $count } things to do
}
letter-week-next = { $title } ({ $name }): { $next }

week-text = On one screen: what happened, what cake did, and what you should do. A channel can send it every Monday morning.
channel-weekly = A letter every Monday morning
channel-weekly-on = Every Monday morning a letter about the week.
field-weekly = Each week
channel-weekly-hint = On Monday at 8: what happened, what cake did, what you should do.
reason-channel-weekly = only mail and webhooks take a weekly letter
cli-cmd-week = What happened this week, what cake did, what you should do
cli-arg-channel-add-mail-weekly = Send a letter about the week every Monday (unless said otherwise): true or false
cli-arg-channel-add-webhook-weekly = Send a letter about the week every Monday: true or false (unless said otherwise)
cli-arg-channel-set-weekly = Send a letter about the week every Monday: true or false
